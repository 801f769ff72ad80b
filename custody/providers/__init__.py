"""What custodians say and how to reach them: file formats and their client."""
