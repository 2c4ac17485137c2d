"""Stateless rules, pure: what one packet meets at one gate.  Knows neither time nor connections."""
