"""The pipeline: claim due rows, do the I/O outside any transaction, record through a service."""
