"""How sensitive every layer is: what the model loses when the channels of one group alone are cut."""
