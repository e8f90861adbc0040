"""What a training run is made of, one concept a file."""
