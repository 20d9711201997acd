"""The configuration as a whole: from a file and to a file, back to an earlier version, and undone batch by batch.

Each way ends in a ``Plan``: what would change, entity by entity. A plan can be looked at (dry run, diff, preview) and
carried out as one batch; it says at which version it was made, so that nobody carries out what he has not seen.
"""
