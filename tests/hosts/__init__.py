"""Several hosts: network namespaces with files and processes of their own, and the tests that need them.

- `namespaces`: hosts and the network between them. `first_process`: the process 1 of a host.
- `services`: sshd, Slurm and Ray on the hosts.
- `conftest`: fixtures.
"""
