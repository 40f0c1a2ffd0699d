"""The build as transforms for a Beam pipeline of your own."""
