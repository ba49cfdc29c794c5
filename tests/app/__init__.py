"""What the script does, without a browser: Streamlit's own AppTest runs it."""
