"""Kyc's paths under /v1."""

from django.urls import URLPattern, URLResolver, path

from kyc.api import decisions, investors, wallets

urlpatterns: list[URLPattern | URLResolver] = [
    path("investors", investors.Investors.as_view()),
    path("investors/<str:investor_id>", investors.InvestorDetail.as_view()),
    path("investors/<str:investor_id>/submit", investors.InvestorSubmit.as_view()),
    path("investors/<str:investor_id>/facts", investors.InvestorFacts.as_view()),
    path("investors/<str:investor_id>/documents", investors.InvestorDocuments.as_view()),
    path("investors/<str:investor_id>/owners", investors.InvestorOwners.as_view()),
    path("wallets", wallets.Wallets.as_view()),
    path("wallets/<str:wallet_id>", wallets.WalletDetail.as_view()),
    path("wallets/<str:wallet_id>/challenge", wallets.WalletChallengeView.as_view()),
    path("wallets/<str:wallet_id>/proof", wallets.WalletProof.as_view()),
    path("wallets/<str:wallet_id>/revoke", wallets.WalletRevoke.as_view()),
    path("decisions/<str:decision_id>", decisions.DecisionDetail.as_view()),
]
