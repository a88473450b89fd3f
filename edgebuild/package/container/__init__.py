"""The shipping container `.ebz`: an exported file, coded as small as a tiny decoder allows (docs/container.md)."""
