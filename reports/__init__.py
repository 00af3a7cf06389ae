"""Report templates, their figures and charts, PDF and Excel writers."""
