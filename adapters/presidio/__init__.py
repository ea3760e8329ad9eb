"""Masking behind the HTTP interface of Microsoft Presidio, so that its clients switch by URL."""
