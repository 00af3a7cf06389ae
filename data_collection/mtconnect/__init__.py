"""MTConnect: what machine tools tell by the open standard, from an adapter (SHDR) or from an agent (HTTP)."""
