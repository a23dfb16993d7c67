"""Who takes part in a comparison of cascades, each as its users drive it."""
