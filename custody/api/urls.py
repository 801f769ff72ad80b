"""Custody's paths under /v1."""

from django.urls import URLPattern, URLResolver, path

from custody.api import funds, movements

urlpatterns: list[URLPattern | URLResolver] = [
    path("funds", funds.Funds.as_view()),
    path("funds/<str:fund_id>", funds.FundDetail.as_view()),
    path("custody/positions", funds.Positions.as_view()),
    path("custody/deposits", movements.Deposits.as_view()),
    path("custody/deposits/<str:deposit_id>", movements.DepositDetail.as_view()),
    path("custody/deposits/<str:deposit_id>/cancel", movements.DepositCancel.as_view()),
    path("custody/deliveries", movements.Deliveries.as_view()),
    path("custody/deliveries/<str:delivery_id>", movements.DeliveryDetail.as_view()),
    path("custody/deliveries/<str:delivery_id>/cancel", movements.DeliveryCancel.as_view()),
]
