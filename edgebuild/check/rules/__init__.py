"""The rules, one file each; a file registers itself in `edgebuild.config.registries.RULES`."""
