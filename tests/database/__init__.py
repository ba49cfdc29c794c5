"""The database: its migrations make what the models say."""
