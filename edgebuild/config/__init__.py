"""Project, target, device and plan schemas; YAML with file:line:column errors."""
