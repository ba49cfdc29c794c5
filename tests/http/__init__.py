"""What the server answers over HTTP, asked without a browser."""
