"""What steps run."""
