"""Signoff: a person between an AI agent and a privileged action."""

__version__ = "0.1.0"
"""The one place; the distribution takes it from here."""
