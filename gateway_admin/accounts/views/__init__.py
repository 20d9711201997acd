"""The dashboard's pages about people."""
