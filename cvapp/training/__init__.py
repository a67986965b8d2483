"""From a recipe to a saved model."""
