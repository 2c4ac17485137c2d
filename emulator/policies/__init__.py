"""IAM policies: their grammar, and what they say to a request.  Pure; knows neither packets nor HTTP."""
