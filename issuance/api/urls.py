"""Issuance's paths under /v1."""

from django.urls import URLPattern, URLResolver, path

from issuance.api import holds, moves, orders, registers

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders", orders.Orders.as_view()),
    path("orders/preview", orders.OrderPreview.as_view()),
    path("orders/<str:order_id>", orders.OrderDetail.as_view()),
    path("orders/<str:order_id>/cancel", orders.OrderCancel.as_view()),
    path("moves", moves.Moves.as_view()),
    path("moves/preview", moves.MovePreview.as_view()),
    path("moves/<str:move_id>", moves.MoveDetail.as_view()),
    path("moves/<str:move_id>/cancel", moves.MoveCancel.as_view()),
    path("tokens", registers.Tokens.as_view()),
    path("tokens/<str:token_id>", registers.TokenDetail.as_view()),
    path("holders", registers.Holders.as_view()),
    path("holds", holds.Holds.as_view()),
    path("holds/<str:hold_id>", holds.HoldDetail.as_view()),
    path("reserves", registers.Reserves.as_view()),
]
