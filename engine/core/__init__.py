"""What PureBoot knows and decides: pure, without input, output, clock or await."""
