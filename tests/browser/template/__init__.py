"""What only the template tests in a browser: hostile visitors, proxies, restarts, clicks."""
