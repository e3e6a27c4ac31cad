"""The executable `mosaic-kernel`, as this package has installed it."""

import os
import sys
import sysconfig


def executable():
    """Returns the path of the executable.

    Raises FileNotFoundError if it is in none of the directories into which pip installs executables.
    """
    schemes = [None, sysconfig.get_preferred_scheme("user")]
    directories = [sysconfig.get_path("scripts", *filter(None, [scheme])) for scheme in schemes]
    # pip's `--target` and `--prefix` put it beside the packages.
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    directories += [os.path.join(here, "bin"), os.path.join(here, "..", "..", "..", "bin")]
    for directory in directories:
        path = os.path.join(directory, "mosaic-kernel")
        if os.path.isfile(path):
            return os.path.normpath(path)
    raise FileNotFoundError(f"mosaic-kernel is in none of {', '.join(directories)}: run `pip install --force-reinstall mosaic-kernel`")


def main():
    """Becomes the executable, with the arguments of this process."""
    path = executable()
    os.execv(path, [path, *sys.argv[1:]])
