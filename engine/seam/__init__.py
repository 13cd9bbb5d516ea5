"""The one seam through which a console far away calls the services: a table, and what goes over the wire by it."""
