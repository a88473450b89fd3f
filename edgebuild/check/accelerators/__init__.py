"""What an accelerator takes of a file and what it costs there, judged from the file; one accelerator a folder."""
