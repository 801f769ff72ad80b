"""The crash campaign: the pipeline under kills, lies, reorganisations and lost commits, and a judge."""
