"""Settings as frozen dataclasses, checked when they are created."""
