"""The tests are the specification: each names the rule it holds the app to."""
