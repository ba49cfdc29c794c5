"""Tests of the script without a browser, run by Streamlit's own AppTest."""
