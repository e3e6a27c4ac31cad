"""Modules of Ray's that are used."""
