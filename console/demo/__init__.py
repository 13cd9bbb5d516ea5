"""The demo: a throw-away PureBoot with a past, and a simulated rack that really boots from it."""
