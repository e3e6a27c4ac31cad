"""A kernel on the notebook host, before it uses any other host."""


def test_a_kernel_on_a_host_has_its_name_and_pids(cluster, start):
    kernel = start()
    assert kernel.ok("std::fs::read_to_string(\"/proc/sys/kernel/hostname\")?").result == r'"h0\n"'
    assert kernel.pid in [it.pid for it in cluster[0].processes()]
    cell = kernel.ok(
        "use mosaic::prelude::*;\nmosaic::interactive(On).num_workers(1).await?;\n"
        "mosaic::spawn(|| println!(\"here\"), ()).await?;"
    )
    assert "here" in cell.stdout and "WORKER:0:0" in cell.stdout, str(cell)
