"""The entry point that papermill loads. Importing this module imports the package, which registers the translator."""

from papermill.engines import NBClientEngine


class RustEngine(NBClientEngine):
    """papermill's default engine, unchanged."""
