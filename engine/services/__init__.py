"""What can be done: each public method is one transaction that loads, decides and applies."""
