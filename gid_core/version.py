"""The version, as a constant: provenance and reports name it without reading a file. Equal to blender_manifest.toml."""

__all__ = ["__version__"]

__version__ = "0.2.0"
