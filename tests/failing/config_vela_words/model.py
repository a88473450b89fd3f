"""Never imported: the project file is refused before."""
