"""Values and the time become rows, lines, labels and roles: pure, so that what is shown is tested without a screen."""
