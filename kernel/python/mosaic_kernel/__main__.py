"""`python -m mosaic_kernel` runs the kernel of the environment to which this Python belongs, whatever the PATH is."""

from mosaic_kernel import main

main()
