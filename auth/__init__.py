"""The rules of signing in, one file a feature; knows no Streamlit and no web server."""
