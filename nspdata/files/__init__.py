"""Files on the local disk or at a URL, behind one protocol."""
