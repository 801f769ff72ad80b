"""Things without a business noun, needed by every other app and so below them all."""
