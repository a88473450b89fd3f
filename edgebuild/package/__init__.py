"""What an app or firmware developer takes."""
