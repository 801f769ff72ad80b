// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-3643's identity registry, as tools for that standard call it.
interface IERC3643IdentityRegistry {
    event ClaimTopicsRegistrySet(address indexed claimTopicsRegistry);
    event IdentityStorageSet(address indexed identityStorage);
    event TrustedIssuersRegistrySet(address indexed trustedIssuersRegistry);
    event IdentityRegistered(address indexed investorAddress, address indexed identity);
    event IdentityRemoved(address indexed investorAddress, address indexed identity);
    event IdentityUpdated(address indexed oldIdentity, address indexed newIdentity);
    event CountryUpdated(address indexed investorAddress, uint16 indexed country);

    function registerIdentity(address user, address identity_, uint16 country) external;

    function batchRegisterIdentity(address[] calldata users, address[] calldata identities, uint16[] calldata countries)
        external;

    function deleteIdentity(address user) external;

    function updateIdentity(address user, address identity_) external;

    function updateCountry(address user, uint16 country) external;

    function setIdentityRegistryStorage(address identityRegistryStorage) external;

    function setClaimTopicsRegistry(address claimTopicsRegistry) external;

    function setTrustedIssuersRegistry(address trustedIssuersRegistry) external;

    function contains(address user) external view returns (bool);

    function isVerified(address user) external view returns (bool);

    function identity(address user) external view returns (address);

    function investorCountry(address user) external view returns (uint16);

    function identityStorage() external view returns (address);

    function issuersRegistry() external view returns (address);

    function topicsRegistry() external view returns (address);
}

/// @title ERC-3643's compliance contract, as tools for that standard call it.
interface IERC3643Compliance {
    event TokenBound(address token);
    event TokenUnbound(address token);

    function bindToken(address token) external;

    function unbindToken(address token) external;

    function transferred(address from, address to, uint256 amount) external;

    function created(address to, uint256 amount) external;

    function destroyed(address from, uint256 amount) external;

    function isTokenBound(address token) external view returns (bool);

    function getTokenBound() external view returns (address);

    function canTransfer(address from, address to, uint256 amount) external view returns (bool);
}
