"""The policies in force, one YAML file each."""
