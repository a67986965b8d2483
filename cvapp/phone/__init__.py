"""The page that runs a model on a phone, the server that brings it there, and the cable."""
