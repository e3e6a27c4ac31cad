"""What papermill finds of this package. Importing it imports the package, and that registers the translator."""

from papermill.engines import NBClientEngine


class RustEngine(NBClientEngine):
    """papermill's usual engine."""
