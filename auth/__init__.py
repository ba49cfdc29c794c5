"""The sign-in core: its rules, one subject in each file, without Streamlit or a web server."""
