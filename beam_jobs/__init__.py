"""The jobs of nspdata as programs for any Beam runner."""
